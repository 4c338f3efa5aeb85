"""PostgreSQL: the private server, connections, migrations, named SQL, window replacement."""
