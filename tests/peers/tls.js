// tls.js PORT CA CERTIFICATE KEY VERSION: two requests on one connection, a third on a new one with the session of
// the first. Prints "ACCESS VERSION kept, ACCESS VERSION resumed".
'use strict';
const fs = require('fs');
const https = require('https');
const [port, ca, cert, key, version] = process.argv.slice(2);
const files = { ca: fs.readFileSync(ca), cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
let session;

function ask(agent, connection) {
	return new Promise((resolve, reject) => {
		const request = https.request({ host: '127.0.0.1', port, path: '/device/v1/state', agent,
			...files, minVersion: version, maxVersion: version, timeout: 10000, ...connection });
		request.on('error', reject);
		request.on('timeout', () => request.destroy(new Error('timeout')));
		request.on('socket', (socket) => socket.on('session', (s) => { session = s; }));
		request.on('response', (answer) => {
			const { socket } = answer;
			let body = '';
			answer.on('data', (piece) => { body += piece; });
			answer.on('end', () => {
				const said = JSON.parse(body);
				resolve({ text: `${said.access || answer.statusCode + ' ' + said.detail} ${socket.getProtocol()}`,
					isKept: request.reusedSocket, isResumed: socket.isSessionReused() });
			});
		});
		request.end();
	});
}

async function main() {
	const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
	await ask(agent, {});
	const second = await ask(agent, {});
	agent.destroy();
	const third = await ask(false, { session });
	console.log(`${second.text} ${second.isKept ? 'kept' : 'not kept'}, `
		+ `${third.text} ${third.isResumed ? 'resumed' : 'not resumed'}`);
}
main().catch((fault) => { console.error(fault); process.exitCode = 1; });
