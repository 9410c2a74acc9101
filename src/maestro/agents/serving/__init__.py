"""Our personas as an agents service over A2A 1.0. Who calls is not trusted either."""
