"""pyodbc and csv. Arguments: connection string, query, output. Prints rows and seconds as JSON."""
import csv
import json
import sys
import time

import pyodbc

connection = pyodbc.connect(sys.argv[1], autocommit=False)
start = time.monotonic()
cursor = connection.cursor()
cursor.execute(sys.argv[2])
rows = 0
with open(sys.argv[3], "w", newline="", encoding="utf-8") as output:
    writer = csv.writer(output)
    writer.writerow([column[0] for column in cursor.description])
    while True:
        block = cursor.fetchmany(2000)
        if not block:
            break
        rows += len(block)
        writer.writerows(block)
print(json.dumps({"rows": rows, "seconds": time.monotonic() - start}))
