// The forward input of @fluent-org/logger: says its port, then each record, as a line of JSON.
"use strict";
const { FluentServer } = require("@fluent-org/logger");
const fs = require("fs");

const { sharedKey, users, certificate } = JSON.parse(process.argv[2]);
const options = { listenOptions: { host: "127.0.0.1", port: 0 }, keepalive: true };
if (sharedKey) {
  const authorize = Object.keys(users).length > 0;
  options.security = { serverHostname: "node", sharedKey, authorize, userDict: users };
}
if (certificate) {
  const pem = fs.readFileSync(certificate);
  options.tlsOptions = { key: pem, cert: pem };
}

const server = new FluentServer(options);
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
server.on("entry", (tag, time, record) => say([tag, time.epoch, time.nano, record]));
server.listen().then(() => say({ port: server.port }));
process.stdin.on("end", () => process.exit(0)).resume();
