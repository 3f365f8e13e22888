"""Our keys: where each lies (a custody URI -> a `Signer`), which signs when, and what else proves who we are."""
