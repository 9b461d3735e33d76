// Connects Socket.IO's own client and prints what happens to it, one JSON line each, until its input ends.
// Usage: node socket_io.js <base URL> [options as JSON]
'use strict';

const { io } = require('socket.io-client');

const [url, options] = process.argv.slice(2);
const say = (...line) => console.log(JSON.stringify(line));

// Without options it is called as a page calls it.
const socket = options ? io(url, JSON.parse(options)) : io(url);
socket.on('connect', () => say('connect'));
socket.on('connect_error', (error) => say('connect_error', error.message, error.data ?? null));
socket.on('disconnect', (reason) => say('disconnect', reason));
socket.onAny((event, ...payload) => say(event, ...payload));

process.stdin.on('end', () => socket.disconnect()).resume();
