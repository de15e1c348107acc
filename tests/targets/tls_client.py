"""An HTTPS client that waits for a line on stdin: tls_client.py PORT CONNECTIONS REQUESTS-EACH."""
import http.client
import ssl
import sys

PORT, CONNECTIONS, EACH = (int(number) for number in sys.argv[1:])
CONTEXT = ssl._create_unverified_context()
sys.stdin.readline()
for connection_number in range(CONNECTIONS):
    connection = http.client.HTTPSConnection("127.0.0.1", PORT, context=CONTEXT)
    for number in range(EACH):
        connection.request("GET", f"/{connection_number}/{number}")
        connection.getresponse().read()
    connection.close()
