"""The mapping language: YAML plus JMESPath. `schema` says what a mapping may hold, `load` reads one."""
