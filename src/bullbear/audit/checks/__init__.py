"""The checks of the audit, one a module; `audit.catalogue` names them."""
