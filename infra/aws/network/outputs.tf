output "vpc_id" {
  description = "Id of the VPC."
  value       = local.own ? aws_vpc.this[0].id : var.network.existing.network
}

output "subnets" {
  description = "Ids of the private subnets, by zone."
  value = {
    for zone in var.zones : zone => local.own ? [aws_subnet.private[zone].id] : data.aws_subnets.existing[zone].ids
  }

  # Nodes cannot join before they find their way to the images and to the API.
  depends_on = [
    aws_route.nat,
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
  ]
}
