resource "confluent_flink_statement" "dear" {
  organization { id = var.org }
  statement = "CREATE TABLE dear LIKE cheap"
  properties = {
    "sql.current-catalog"  = data.confluent_environment.e.display_name
  }
}
resource "confluent_flink_statement" "insert" {
  statement = <<-EOT
    EXECUTE STATEMENT SET BEGIN
      INSERT INTO cheap SELECT id, price FROM `cdc.public.orders` WHERE price < ${limit};
      INSERT INTO dear SELECT id, price FROM `cdc.public.orders` WHERE price >= ${limit};
    END;
  EOT
}
