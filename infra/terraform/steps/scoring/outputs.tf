output "ecr_repository_url" {
  description = "Where the image is pushed to."
  value       = aws_ecr_repository.scoring.repository_url
}

output "ecs_cluster_name" {
  description = "The cluster of the task."
  value       = aws_ecs_cluster.scoring.name
}

output "score_secret_arn" {
  description = "Where the bearer token is."
  value       = module.token.arn
}
