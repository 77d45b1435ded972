variable "environment_id" { type = string }
variable "cluster_id" { type = string }
variable "db_host" { type = string }
variable "db_password" {
  type      = string
  sensitive = true
}
