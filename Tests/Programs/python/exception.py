class Storm(Exception):
    pass


print("before")
try:
    {}["key"]
except KeyError as error:
    raise Storm("too much sand") from error
