-- The trial's orders never meet the real ones.
CREATE DATABASE trial;
