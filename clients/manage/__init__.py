"""The management API: /manage/…, for operators and for clients on their own things."""
