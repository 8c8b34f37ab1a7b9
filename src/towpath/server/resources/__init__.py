"""What the REST API answers: one module of JSON shapes per resource."""
