# Two minutes lie between a spot notice and the end of the node. Karpenter hears of it here, and of nothing older than
# five minutes: that node is gone.
resource "aws_sqs_queue" "this" {
  name                      = "${var.name}-karpenter"
  message_retention_seconds = 300
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "EventsMaySend"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "sqs.amazonaws.com"]
    }
  }

  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.queue_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.url
  policy    = data.aws_iam_policy_document.queue.json
}

locals {
  queue_arn = "arn:${local.partition}:sqs:${var.region}:${var.account}:${var.name}-karpenter"

  events = {
    spot         = { source = "aws.ec2", type = "EC2 Spot Instance Interruption Warning" }
    rebalance    = { source = "aws.ec2", type = "EC2 Instance Rebalance Recommendation" }
    state-change = { source = "aws.ec2", type = "EC2 Instance State-change Notification" }
    reservation  = { source = "aws.ec2", type = "EC2 Capacity Reservation Instance Interruption Warning" }
    health       = { source = "aws.health", type = "AWS Health Event" }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.events

  name          = "${var.name}-karpenter-${each.key}"
  description   = "${each.value.type}, for Karpenter of ${var.name}."
  event_pattern = jsonencode({ source = [each.value.source], detail-type = [each.value.type] })
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = aws_cloudwatch_event_rule.this

  rule      = each.value.name
  target_id = "karpenter"
  arn       = aws_sqs_queue.this.arn
}
