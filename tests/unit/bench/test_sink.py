"""The connection that takes everything counts what it takes."""

from bench import sink


async def test_rows_are_counted_by_statement_and_by_copy() -> None:
    taking = sink.Sink()

    await taking.copy_records_to_table("facts", records=[(1,), (2,)])
    await taking.execute("UPDATE", 7, ("a", "b", "c"), (1, 2, 3))
    await taking.execute("UPDATE", ["a", "b"], [1, 2])
    await taking.execute("INSERT", 1, 2)

    assert taking.rows == 2 + 3 + 2 + 1
