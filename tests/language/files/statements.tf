resource "confluent_flink_statement" "mirror" {
  statement = local.mirror
}
resource "confluent_flink_statement" "more" {
  statement = file("${path.module}/sql/more.sql")
}
