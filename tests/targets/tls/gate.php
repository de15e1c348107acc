<?php
// With `auto_prepend_file`: the program begins once a line has come on stdin.
fgets(STDIN);
