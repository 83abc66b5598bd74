mock_provider "google" {
  mock_resource "google_compute_address" {
    defaults = { address = "203.0.113.20" }
  }

  mock_data "google_dns_managed_zones" {
    defaults = {
      managed_zones = [
        { dns_name = "dungeon.example.", name = "inside", visibility = "private", description = "", id = "1", managed_zone_id = 1, name_servers = [], project = "dungeon-prod-1" },
        { dns_name = "dungeon.example.", name = "public-dungeon", visibility = "public", description = "", id = "2", managed_zone_id = 2, name_servers = [], project = "dungeon-prod-1" },
      ]
    }
  }
}

variables {
  name    = "dungeon"
  project = "dungeon-prod-1"
  region  = "europe-west4"
  dns     = { zone = "dungeon.example", host = "api.dungeon.example" }
}

run "a_name_and_its_record" {
  assert {
    condition     = google_compute_address.this.name == "dungeon-gateway"
    error_message = "Charts know the address by its name."
  }

  assert {
    condition     = google_dns_record_set.this.managed_zone == "public-dungeon" && google_dns_record_set.this.name == "api.dungeon.example."
    error_message = "The record lies in the public zone of the domain."
  }

  assert {
    condition     = google_dns_record_set.this.rrdatas == tolist(["203.0.113.20"])
    error_message = "It leads to the address."
  }
}

run "a_zone_by_its_own_name" {
  command = plan

  variables {
    dns = { zone = "dungeon.example", host = "dungeon.example", managed_zone = "mine" }
  }

  assert {
    condition     = google_dns_record_set.this.managed_zone == "mine" && google_dns_record_set.this.name == "dungeon.example."
    error_message = "What is written is taken; the domain itself may be the host."
  }
}

run "the_usual_name" {
  command = plan

  variables {
    dns = { zone = "other.example", host = "api.other.example" }
  }

  assert {
    condition     = google_dns_record_set.this.managed_zone == "other-example"
    error_message = "Dots as dashes, where no zone is found."
  }
}

run "a_host_elsewhere" {
  command = plan

  variables {
    dns = { zone = "dungeon.example", host = "api.other.example" }
  }

  expect_failures = [var.dns]
}
