"""The drift report for people, tables, tickets and chats; the page is in `drift.page`."""
