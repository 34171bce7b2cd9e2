"""The parties outside: dispatch, engineers, contact centre, back office.

They know the contract of their topics and nothing else of the product: no import of ours, an own principal each, plain
aiokafka and JSON. An integrator can start from them.
"""
