output "database" {
  description = "The database's name."
  value       = postgresql_database.this.name
}

output "owner" {
  description = "The role that owns it, and may log in."
  value       = postgresql_role.owner.name
}

output "password" {
  description = "The owner's password."
  value       = random_password.owner.result
  sensitive   = true
}

# The server's address is the connection's, which a module does not see: libpq takes what a URI leaves out from PGHOST.
output "uri" {
  description = "postgresql: URI of owner, password and database; the host is what the connection says."
  value = format("postgresql://%s:%s@/%s", urlencode(postgresql_role.owner.name),
  random_password.owner.result, urlencode(postgresql_database.this.name))
  sensitive = true
}
