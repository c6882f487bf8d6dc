"""The torture: a search for schedules that break the promise.

The real core and the real store on a SQLite file, between an imitated marketplace and an imitated ERP, under people who change
their minds, calls that get lost or land late, clocks that jump, processes that die or are overtaken, and databases that forget.

gate      where a process stands still between any two awaits, to be killed, overtaken, or let on
outside   the two ends as one process meets them: faults, its client's clock, unreadable elements
process   one daemon: a database of its own, the core, and a lock that can be lost
stage     the scene: time, people, clerks, processes, backups
truth     the promise, judged by what marketplace and ERP hold, never by what the core believes
machine   hypothesis's rules, and the story that a failing schedule tells
campaign  many schedules, and the figures
fuzz      hostile input for every reader
"""
