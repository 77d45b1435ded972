# The scoring service: its image's repository, and one task of it in the VPC, without a public address.

locals {
  tags = {
    project     = var.prefix
    owner_email = var.owner_email
    managed_by  = "terraform"
  }
}

data "aws_vpc" "existing" {
  id = var.existing_vpc_id
}

data "aws_subnets" "existing" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.existing.id]
  }
}

data "aws_region" "current" {}

locals {
  subnet_ids = length(var.existing_subnet_ids) > 0 ? var.existing_subnet_ids : data.aws_subnets.existing.ids
  name       = "${var.prefix}-ml-inference"
  port       = 8088
  image      = var.ml_inference_image != "" ? var.ml_inference_image : "${aws_ecr_repository.scoring.repository_url}:1"
}

resource "aws_ecr_repository" "scoring" {
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  tags                 = local.tags

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
  }
}

# The token that callers show; the task gets it by reference.
module "token" {
  source = "../../modules/secret"

  name        = "${var.prefix}/score-token"
  description = "The bearer token of the scoring service"
  tags        = local.tags
}

resource "aws_cloudwatch_log_group" "scoring" {
  name              = "/ecs/${local.name}"
  retention_in_days = 14
  tags              = local.tags
}

resource "aws_ecs_cluster" "scoring" {
  name = "${var.prefix}-ecs"
  tags = local.tags

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

# What starts the task: it pulls this image, writes this log and reads this secret.
data "aws_iam_policy_document" "start" {
  statement {
    sid       = "Login"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # AWS knows no narrower resource for it.
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.scoring.arn]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.scoring.arn}:*"]
  }

  statement {
    sid       = "Token"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [module.token.arn]
  }
}

resource "aws_iam_role" "start" {
  name               = "${local.name}-start"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "start" {
  name   = "start"
  role   = aws_iam_role.start.id
  policy = data.aws_iam_policy_document.start.json
}

# What the service itself may do in AWS: nothing.
resource "aws_iam_role" "task" {
  name               = "${local.name}-task"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = local.tags
}

resource "aws_security_group" "scoring" {
  name        = local.name
  description = "The scoring service: asked from within the VPC, goes out for image, log and secret"
  vpc_id      = data.aws_vpc.existing.id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "predict" {
  security_group_id = aws_security_group.scoring.id
  description       = "Predictions, from within the VPC"
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
  cidr_ipv4         = data.aws_vpc.existing.cidr_block
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.scoring.id
  description       = "ECR, CloudWatch, Secrets Manager"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_ecs_task_definition" "scoring" {
  family                   = local.name
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = "256"
  memory                   = "512"
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.task.arn
  tags                     = local.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.local_architecture == "arm64" ? "ARM64" : "X86_64"
  }

  container_definitions = jsonencode([{
    name                   = "score"
    image                  = local.image
    essential              = true
    readonlyRootFilesystem = true
    user                   = "65532:65532"
    portMappings           = [{ containerPort = local.port, protocol = "tcp" }]
    secrets                = [{ name = "CHANGEPROOF_SCORE_TOKEN", valueFrom = module.token.arn }]
    healthCheck = {
      command     = ["CMD", "changeproof", "score", "health", "--at", "127.0.0.1:${local.port}"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 10
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.scoring.name
        "awslogs-region"        = data.aws_region.current.region
        "awslogs-stream-prefix" = "score"
      }
    }
  }])
}

resource "aws_ecs_service" "scoring" {
  name            = "${local.name}-service"
  cluster         = aws_ecs_cluster.scoring.id
  task_definition = aws_ecs_task_definition.scoring.arn
  desired_count   = 1
  launch_type     = "FARGATE"
  tags            = local.tags

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.scoring.id]
    assign_public_ip = false
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  depends_on = [aws_iam_role_policy.start]
}
