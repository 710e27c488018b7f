// The same bytes to our HTTP parser and to Node's. What we take, Node must take as the same requests: method,
// target and body; what Node refuses we refuse. Where we are stricter the corpus says why. TAP on standard output.
//   http_differential.js HTTP_READ CORPUS ...
//
// A corpus file holds cases: a line "= NAME" or "= NAME | stricter: WHY", then lines whose bytes follow each other
// without a line end. Escapes: \r \n \t \\ \xNN, and \*N; for the byte before, N times in all. "#" begins a comment.
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const http = require('http');
const net = require('net');

function bytesOf(line) {
	const out = [];
	const escape = /\\(?:([rnt\\])|x([0-9a-f]{2})|\*(\d+);)|[^\\]/gy;
	for (let at = escape.exec(line); at !== null; at = escape.exec(line)) {
		if (at[1]) {
			out.push({ r: 13, n: 10, t: 9, '\\': 92 }[at[1]]);
		} else if (at[2]) {
			out.push(parseInt(at[2], 16));
		} else if (at[3]) {
			out.push(...Array(Number(at[3]) - 1).fill(out[out.length - 1]));
		} else {
			out.push(at[0].charCodeAt(0));
		}
		if (escape.lastIndex === line.length) {
			return out;
		}
	}
	throw new Error(`not understood: ${line}`);
}

function casesOf(path) {
	const cases = [];
	for (const line of fs.readFileSync(path, 'latin1').split('\n')) {
		if (line.startsWith('= ')) {
			const [name, stricter] = line.slice(2).split(' | stricter: ');
			cases.push({ name, stricter, bytes: [] });
		} else if (line !== '' && !line.startsWith('#')) {
			cases[cases.length - 1].bytes.push(...bytesOf(line));
		}
	}
	return cases;
}

function readByUs(program, cases) {
	const input = cases.map((c) => Buffer.from(c.bytes).toString('hex')).join('\n') + '\n';
	const lines = execFileSync(program, { input, maxBuffer: 1 << 26, timeout: 20000 }).toString().trim().split('\n');
	return lines.map((line) => {
		const [verdict, ...requests] = line.split(' ');
		return { verdict, requests };
	});
}

// Node's side: a server that notes whole requests, asked by one connection a case.
function nodeServer() {
	const notes = new Map();
	const server = http.createServer((request, answer) => {
		const pieces = [];
		request.on('data', (piece) => pieces.push(piece));
		request.on('end', () => {
			notes.get(request.socket.remotePort).requests.push(`${request.method}:`
				+ `${Buffer.from(request.url, 'latin1').toString('hex')}:${Buffer.concat(pieces).toString('hex')}`);
			answer.end();
		});
	});
	server.on('clientError', (fault, socket) => {
		const note = notes.get(socket.remotePort);
		note.verdict = fault.code === 'HPE_INVALID_EOF_STATE' ? 'partial' : 'refused';
		note.why = fault.code;
		socket.destroy();
	});
	return { server, notes };
}

function readByNode({ server, notes }, bytes) {
	return new Promise((resolve, reject) => {
		const socket = net.connect({ port: server.address().port, host: '127.0.0.1' });
		const note = { verdict: 'complete', requests: [] };
		socket.setTimeout(10000, () => reject(new Error('Node does not answer')));
		socket.on('connect', () => {
			notes.set(socket.localPort, note);
			socket.end(Buffer.from(bytes));
		});
		// A refusal that is no parser's, such as of a missing Host.
		socket.on('data', (answer) => { note.verdict = / 4\d\d /.test(answer.toString('latin1')) ? 'refused' : note.verdict; });
		socket.on('error', () => {});
		socket.on('close', () => resolve(note));
	});
}

// What is wrong between them, or undefined.
function fault(c, ours, node) {
	const same = ours.requests.every((r, i) => r === node.requests[i]);
	if (!same) {
		return 'we read other requests than Node';
	}
	if (c.stricter) {
		return ours.verdict === 'refused' ? undefined : 'said to be stricter, and is taken';
	}
	if (node.verdict === 'refused' && ours.verdict !== 'refused' && ours.verdict !== 'closed') {
		return 'taken, and Node refuses it';
	}
	if (ours.verdict === 'refused' && node.verdict !== 'refused') {
		return 'stricter than Node, and the corpus does not say why';
	}
	if (ours.requests.length < node.requests.length && ours.verdict !== 'closed') {
		return 'Node reads more requests';
	}
	return undefined;
}

async function main() {
	const [program, ...paths] = process.argv.slice(2);
	const cases = paths.flatMap(casesOf);
	const ours = readByUs(program, cases);
	const peer = nodeServer();
	await new Promise((resolve) => { peer.server.listen(0, '127.0.0.1', resolve); });
	console.log(`TAP version 13\n1..${cases.length}`);
	for (const [i, c] of cases.entries()) {
		const node = await readByNode(peer, c.bytes);
		const found = fault(c, ours[i], node);
		console.log(`${found ? 'not ok' : 'ok'} ${i + 1} - ${c.name}`);
		if (found) {
			console.log(`# ${found}\n# ours: ${JSON.stringify(ours[i]).slice(0, 400)}\n# Node: ${JSON.stringify(node).slice(0, 400)}`);
		} else if (c.stricter && node.verdict !== 'refused') {
			console.log(`# stricter than Node: ${c.stricter}`);
		}
	}
	peer.server.close();
}
main().catch((e) => { console.log(`Bail out! ${e.stack}`); process.exitCode = 1; });
