"""WHAT is built: contracts are designed or adopted, agreed, mocked and verified here."""
