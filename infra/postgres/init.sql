-- Run once by the image as superuser, when the data directory is new: the role that sets everything else up, and its database.
-- The password is read by psql, here: it appears on no command line and in no environment.
\set password `cat /run/counterfoil/postgres-admin`
CREATE ROLE counterfoil_admin LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE counterfoil OWNER counterfoil_admin TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
