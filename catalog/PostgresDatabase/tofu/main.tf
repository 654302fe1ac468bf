# A database and the role that owns it, on a server that exists. Where the server is and who creates the database
# comes with the connection, as PGHOST, PGPORT, PGUSER, PGPASSWORD and PGSSLMODE.
terraform {
  required_version = ">= 1.6"
  required_providers {
    postgresql = {
      source  = "cyrilgdn/postgresql"
      version = "~> 1.25"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
  }
}

provider "postgresql" {
  # Managed services give no superuser; the provider then reads no password hashes back, which we do not need.
  superuser = false
}

resource "random_password" "owner" {
  length  = 32
  special = false # it goes into a URI

  keepers = { version = var.spec.password_version }
}

resource "postgresql_role" "owner" {
  name     = coalesce(var.spec.owner_name, var.spec.database_name)
  login    = true
  password = random_password.owner.result
}

# Who is no superuser changes a database only as a member of its owner. The provider makes the connection's user one
# while it creates the database and takes it back, so later changes would fail, and a grant would silently grant nothing.
resource "postgresql_grant_role" "admin" {
  count = var.spec.admin_role == null ? 0 : 1

  role       = var.spec.admin_role
  grant_role = postgresql_role.owner.name
}

resource "postgresql_database" "this" {
  name             = var.spec.database_name
  owner            = postgresql_role.owner.name
  connection_limit = var.spec.connection_limit
  # template1 may have been given things of others, and cannot be copied while somebody is connected to it.
  template = "template0"

  depends_on = [postgresql_grant_role.admin]
}

resource "postgresql_extension" "this" {
  for_each = toset(var.spec.extensions)

  name     = each.value
  database = postgresql_database.this.name
}

resource "postgresql_role" "granted" {
  for_each = toset([for g in var.spec.grants : g.role])

  name  = each.value
  login = false
}

# By role, so that a change of one grant touches no other.
resource "postgresql_grant" "database" {
  for_each = { for g in var.spec.grants : g.role => toset([for p in g.privileges : upper(p)]) }

  database    = postgresql_database.this.name
  role        = postgresql_role.granted[each.key].name
  object_type = "database"
  privileges  = each.value
}
