-- The database of the hub and its two roles, once, by an administrator:
--
--   OWNER_PASSWORD="$(cat owner-password)" SERVICES_PASSWORD="$(cat services-password)" psql < roles.sql
--
-- `extrato` owns the database and runs the migrations. `extrato_services` is for the processes: `extrato migrate` gives it
-- its rights, and it cannot rewrite the log. The membership lets migrations hand over and drop read models.
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv services_password SERVICES_PASSWORD
CREATE ROLE extrato LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE extrato_services LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'services_password';
GRANT extrato_services TO extrato;
CREATE DATABASE extrato OWNER extrato TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE extrato FROM PUBLIC;
GRANT CONNECT ON DATABASE extrato TO extrato_services;
\connect extrato
-- From PostgreSQL 15 on, only the owner of the database may create in `public` anyway.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
