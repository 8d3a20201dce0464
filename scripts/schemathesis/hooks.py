"""What schemathesis does not know by itself."""

import schemathesis

# An archive is bytes like any other as far as sending goes.
schemathesis.serializer.alias("application/x-tar", "application/octet-stream")
