// With `node --require`: the program begins once a line has come on stdin.
'use strict';
require('fs').readSync(0, Buffer.alloc(1), 0, 1);
