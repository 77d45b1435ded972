output "cdc_connector_id" {
  description = "The source connector."
  value       = confluent_connector.cdc.id
}

output "cdc_customers_topic" {
  description = "The changes of customers."
  value       = "${var.prefix}.public.customers"
}

output "cdc_transactions_topic" {
  description = "The changes of transactions."
  value       = "${var.prefix}.public.transactions"
}
