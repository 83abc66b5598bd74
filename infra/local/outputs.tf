output "run_dirs" {
  description = "Run folder of each server process: server.lock, state.json and server.log."
  value       = { for name, server in terraform_data.server : name => server.input.run }
}
