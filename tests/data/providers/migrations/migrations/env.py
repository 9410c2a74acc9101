"""Runs the migrations on the database that DATABASE_URL names."""

import os

import sqlalchemy as sa
from alembic import context

engine = sa.create_engine(os.environ["DATABASE_URL"])
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
