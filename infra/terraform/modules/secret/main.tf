# A password that nobody has ever seen: made while it is applied, kept in Secrets Manager, in no state.

variable "name" {
  description = "The secret's name."
  type        = string
}

variable "description" {
  description = "What the password opens."
  type        = string
}

variable "username" {
  description = "Who logs in with it. Left out, the secret is the password alone and not an object of both."
  type        = string
  default     = null
}

variable "tags" {
  description = "The tags of the secret."
  type        = map(string)
}

ephemeral "aws_secretsmanager_random_password" "this" {
  password_length     = 48
  exclude_punctuation = true
}

locals {
  password = ephemeral.aws_secretsmanager_random_password.this.random_password
}

resource "aws_secretsmanager_secret" "this" {
  name                    = var.name
  description             = var.description
  recovery_window_in_days = 0
  tags                    = var.tags
}

# Another version number makes another password.
resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = var.username == null ? local.password : jsonencode({ username = var.username, password = local.password })
  secret_string_wo_version = 1
}

output "arn" {
  description = "Where the password is."
  value       = aws_secretsmanager_secret.this.arn

  depends_on = [aws_secretsmanager_secret_version.this]
}
