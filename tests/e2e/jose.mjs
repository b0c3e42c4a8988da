/*
 * What test_refusals_jose.py asks of jose, a library that we did not write: verify a token of ours as a stranger
 * would, and make others that differ in one thing. In: one JSON object on stdin. Out: one on stdout.
 * argv[2]: the folder of node_modules.
 */
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

globalThis.crypto ??= webcrypto; // Debian's Node 18 has it under its own name alone
const jose = await import(pathToFileURL(`${process.argv[2]}/jose/dist/webapi/index.js`));
const { token, jwks, jwk, claims } = JSON.parse(readFileSync(0, 'utf8'));
const key = await jose.importJWK(jwk, 'ES256');
const { d, ...publicJwk } = jwk;
const header = jose.decodeProtectedHeader(token);
const now = Math.floor(Date.now() / 1000);
const text = new TextEncoder();

const sign = (changes = {}, head = {}, by = key) =>
	new jose.SignJWT({ ...claims, ...changes }).setProtectedHeader({ ...header, kid: jwk.kid, ...head }).sign(by);

/* The signature of one token under the payload of another. */
const withPayload = (changes) => {
	const parts = token.split('.');
	parts[1] = jose.base64url.encode(JSON.stringify({ ...claims, ...changes }));
	return parts.join('.');
};

const seen = await jose.jwtVerify(token, jose.createLocalJWKSet(jwks),
	{ issuer: claims.iss, audience: claims.aud, typ: 'at+jwt', algorithms: ['ES256'] });
const spki = await jose.exportSPKI(await jose.importJWK(publicJwk, 'ES256', { extractable: true }));
const stranger = await jose.generateKeyPair('ES256');
const admin = { sub: '01890000-0000-7000-8000-000000000001', roles: ['administrator'] };

console.log(JSON.stringify({
	verified: { header: seen.protectedHeader, claims: seen.payload },
	right: await sign(),
	forged: {
		'alg none': new jose.UnsecuredJWT(claims).encode(),
		'alg none, administrator': new jose.UnsecuredJWT({ ...claims, ...admin }).encode(),
		'HS256 with the public key (PEM)': await sign({}, { alg: 'HS256' }, text.encode(spki)),
		'HS256 with the public key (JWK)': await sign({}, { alg: 'HS256' }, text.encode(JSON.stringify(publicJwk))),
		'HS512 with the public key (PEM)': await sign({}, { alg: 'HS512' }, text.encode(spki)),
		'typ JWT': await sign({}, { typ: 'JWT' }),
		'no typ': await sign({}, { typ: undefined }),
		'another audience': await sign({ aud: 'https://other.example' }),
		'another issuer': await sign({ iss: 'https://other.example' }),
		'expired': await sign({ iat: now - 1200, exp: now - 601 }),
		'not valid yet': await sign({ nbf: now + 3600 }),
		'unknown kid': await sign({}, { kid: '01890000-0000-7000-8000-000000000000' }),
		'unknown kid and key': await sign({}, { kid: await jose.calculateJwkThumbprint(publicJwk) }, stranger.privateKey),
		"a stranger's key under our kid": await sign({}, {}, stranger.privateKey),
		"a stranger's key in the header": await sign({}, { jwk: await jose.exportJWK(stranger.publicKey) },
			stranger.privateKey),
		'payload changed to another person': withPayload(admin),
		'payload changed to live longer': withPayload({ exp: now + 86400 }),
	},
}));
