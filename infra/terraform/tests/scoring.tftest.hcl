# The scoring service: no public address, not root, its token by reference.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

variables {
  owner_email     = "team@example.com"
  existing_vpc_id = "vpc-0123456789abcdef0"
}

run "nothing_public" {
  module {
    source = "./steps/scoring"
  }

  assert {
    condition     = !aws_ecs_service.scoring.network_configuration[0].assign_public_ip
    error_message = "the task has a public address"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.predict.cidr_ipv4 == "10.0.0.0/16" && aws_vpc_security_group_ingress_rule.predict.from_port == 8088 && aws_vpc_security_group_ingress_rule.predict.to_port == 8088
    error_message = "the service is asked from elsewhere than the VPC"
  }
}

run "the_task" {
  module {
    source = "./steps/scoring"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.scoring.container_definitions)[0].user == "65532:65532" && jsondecode(aws_ecs_task_definition.scoring.container_definitions)[0].readonlyRootFilesystem
    error_message = "the service runs as root, or may write into its image"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.scoring.container_definitions)[0].secrets[0].valueFrom == module.token.arn && !can(jsondecode(aws_ecs_task_definition.scoring.container_definitions)[0].environment)
    error_message = "the token is not by reference"
  }
  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.scoring.container_definitions)[0].healthCheck.command, "health")
    error_message = "nobody asks whether the service is well"
  }
  assert {
    condition     = aws_ecr_repository.scoring.image_tag_mutability == "IMMUTABLE"
    error_message = "a tag may become another image"
  }
}

run "least_privilege" {
  module {
    source = "./steps/scoring"
  }

  assert {
    condition     = alltrue([for one in data.aws_iam_policy_document.start.statement : !contains(one.resources, "*") || toset(one.actions) == toset(["ecr:GetAuthorizationToken"])])
    error_message = "what starts the task may do more than start it"
  }
  assert {
    condition     = aws_ecs_task_definition.scoring.task_role_arn == aws_iam_role.task.arn && aws_iam_role_policy.start.role == aws_iam_role.start.id
    error_message = "the service itself has rights in AWS"
  }
}

run "an_image_without_digest" {
  command = plan

  module {
    source = "./steps/scoring"
  }

  variables {
    ml_inference_image = "example/score:latest"
  }

  expect_failures = [var.ml_inference_image]
}
