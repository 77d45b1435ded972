//! The condition names of Postgres that scenarios may write instead of a SQLSTATE.

/// Name and code, as Postgres' manual lists them (appendix "Error Codes"), those that SQL of a
/// scenario can run into.
pub const CONDITIONS: &[(&str, &str)] = &[
    ("active_sql_transaction", "25001"),
    ("array_subscript_error", "2202E"),
    ("cannot_coerce", "42846"),
    ("cardinality_violation", "21000"),
    ("character_not_in_repertoire", "22021"),
    ("check_violation", "23514"),
    ("data_exception", "22000"),
    ("datatype_mismatch", "42804"),
    ("datetime_field_overflow", "22008"),
    ("deadlock_detected", "40P01"),
    ("dependent_objects_still_exist", "2BP01"),
    ("division_by_zero", "22012"),
    ("duplicate_column", "42701"),
    ("duplicate_object", "42710"),
    ("duplicate_schema", "42P06"),
    ("duplicate_table", "42P07"),
    ("exclusion_violation", "23P01"),
    ("feature_not_supported", "0A000"),
    ("foreign_key_violation", "23503"),
    ("generated_always", "428C9"),
    ("idle_in_transaction_session_timeout", "25P03"),
    ("in_failed_sql_transaction", "25P02"),
    ("insufficient_privilege", "42501"),
    ("integrity_constraint_violation", "23000"),
    ("invalid_column_reference", "42P10"),
    ("invalid_datetime_format", "22007"),
    ("invalid_parameter_value", "22023"),
    ("invalid_savepoint_specification", "3B001"),
    ("invalid_table_definition", "42P16"),
    ("invalid_text_representation", "22P02"),
    ("lock_not_available", "55P03"),
    ("no_active_sql_transaction", "25P01"),
    ("not_null_violation", "23502"),
    ("null_value_not_allowed", "22004"),
    ("numeric_value_out_of_range", "22003"),
    ("object_in_use", "55006"),
    ("object_not_in_prerequisite_state", "55000"),
    ("query_canceled", "57014"),
    ("raise_exception", "P0001"),
    ("read_only_sql_transaction", "25006"),
    ("restrict_violation", "23001"),
    ("serialization_failure", "40001"),
    ("string_data_right_truncation", "22001"),
    ("syntax_error", "42601"),
    ("transaction_rollback", "40000"),
    ("undefined_column", "42703"),
    ("undefined_function", "42883"),
    ("undefined_object", "42704"),
    ("undefined_table", "42P01"),
    ("unique_violation", "23505"),
    ("untranslatable_character", "22P05"),
    ("with_check_option_violation", "44000"),
    ("wrong_object_type", "42809"),
];

/// The SQLSTATE that `written` stands for: itself if it is one, else that of the condition.
pub fn sqlstate(written: &str) -> Option<&str> {
    let is_code =
        written.len() == 5 && written.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    if is_code {
        return Some(written);
    }
    let found = CONDITIONS.iter().find(|(name, _)| *name == written);
    found.map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes() {
        assert_eq!(sqlstate("unique_violation"), Some("23505"));
        assert_eq!(sqlstate("40P01"), Some("40P01"));
        assert_eq!(sqlstate("unique"), None);
        assert!(CONDITIONS.is_sorted());
    }
}
