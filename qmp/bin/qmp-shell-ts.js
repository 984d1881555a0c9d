#!/usr/bin/env node
// Committed and executable, since what npm links must be there before anything is compiled.
import '../dist/shell/main.js';
