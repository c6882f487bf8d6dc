"""Fakes of every port, and the exam that every ERP adapter sits."""
