resource "confluent_connector" "pg" {
  config_nonsensitive = {
    "connector.class"       = "PostgresCdcSourceV2"
    "name"                  = "hr"
    "topic.prefix"          = "hr"
    "table.include.list"    = "public.employees"
    "output.data.format"    = "AVRO"
    "output.key.format"     = "AVRO"
    "after.state.only"      = "false"
    "tasks.max"             = "1"
  }
}

resource "confluent_flink_statement" "headcount" {
  statement = <<-EOT
    CREATE TABLE headcount (
      dept STRING NOT NULL,
      n BIGINT NOT NULL,
      PRIMARY KEY (dept) NOT ENFORCED
    ) DISTRIBUTED INTO 1 BUCKETS;
  EOT
}

resource "confluent_flink_statement" "headcount_insert" {
  statement = "INSERT INTO headcount SELECT dept, COUNT(*) FROM `hr.public.employees` GROUP BY dept;"
}
