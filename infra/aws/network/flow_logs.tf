# Who talked to whom: without it, a leak is found and never explained. An existing network's are its owner's.
resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_158:encrypted with CloudWatch's own key; addresses and ports are no secret worth one more key
  #checkov:skip=CKV_AWS_338:addresses and ports of a month explain an incident; a year of them costs more than the gateway
  count = local.own ? 1 : 0

  name              = "/aws/vpc/${var.name}"
  retention_in_days = var.flow_log_days
}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "flow_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }

    # The service writes for every account; with this role, for this one only.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account]
    }
  }
}

data "aws_iam_policy_document" "flow" {
  statement {
    actions = [
      "logs:CreateLogStream",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
    ]
    # Composed, so that the plan shows it before the group exists.
    resources = ["arn:${data.aws_partition.current.partition}:logs:${var.region}:${var.account}:log-group:/aws/vpc/${var.name}:*"]
  }
}

resource "aws_iam_role" "flow" {
  count = local.own ? 1 : 0

  name               = "${var.name}-flow-logs"
  description        = "The VPC writes its flow logs."
  assume_role_policy = data.aws_iam_policy_document.flow_trust.json
}

resource "aws_iam_role_policy" "flow" {
  count = local.own ? 1 : 0

  name   = "write-flow-logs"
  role   = aws_iam_role.flow[0].id
  policy = data.aws_iam_policy_document.flow.json
}

resource "aws_flow_log" "this" {
  count = local.own ? 1 : 0

  vpc_id       = aws_vpc.this[0].id
  traffic_type = "ALL"

  log_destination = aws_cloudwatch_log_group.flow[0].arn
  iam_role_arn    = aws_iam_role.flow[0].arn

  # Ten minutes, not one: a tenth of the records, and of the bill.
  max_aggregation_interval = 600

  tags = { Name = var.name }
}
