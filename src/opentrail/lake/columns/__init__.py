"""Event records as typed columns: the rows that queries of the Lake see (reference of Lake SQL, §1.1, §2).

`to_table` turns records into a table of the family's columns, `import_file` does so with a delivered log file, and `write` makes a Parquet
file of a table. A value of an unexpected type never costs the row: `eventjson` keeps the record as it was, whatever a column can say of it.
This room loads pyarrow; only the role `lake` does.
"""

from opentrail.lake.columns.arrow import ARROW
from opentrail.lake.columns.convert import Converted, Refused, to_table
from opentrail.lake.columns.logfiles import Imported, import_file
from opentrail.lake.columns.parquet import ordered, write, write_ordered

__all__ = ["ARROW", "Converted", "Imported", "Refused", "import_file", "ordered", "to_table", "write", "write_ordered"]
