// The houses' sign-ons for tests: real OpenID providers (oidc-provider), one port each, on loopback.
//
// The first line of standard input says which, as JSON: [{thin, clients, people}]. When all of them
// listen, their ports are printed as JSON, in that order. A house is made to misbehave by POST
// /test/trick with JSON: what it then signs differs in the named claims, or is signed by a key that
// it never published. A provider that keeps to its certification never would, and a relying party
// must notice all the same.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';
import * as jose from 'jose';

const published = () => jose.generateKeyPair('RS256', { extractable: true });

async function askToLeave(ctx, form) {
  ctx.body =
    '<!doctype html><html lang="ja"><title>みほん市 職員認証</title><h1>サインアウトしますか</h1>' +
    `${form}<button form="op.logoutForm" name="logout" value="yes">サインアウトする</button>`;
}

async function house({ thin, clients, people }) {
  // The system chooses the port, and it is ours from then on; its name is the issuer's.
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const issuer = `http://localhost:${port}`;
  const pair = await published();
  const key = { ...(await jose.exportJWK(pair.privateKey)), kid: `key-${port}`, alg: 'RS256', use: 'sig' };
  let trick = {};

  const provider = new Provider(issuer, {
    clients,
    jwks: { keys: [key] },
    claims: { openid: ['sub', 'groups', 'acr', 'amr'], email: ['email', 'email_verified'] },
    acrValues: ['urn:mihon:two-factors'],
    conformIdTokenClaims: thin,
    cookies: { keys: ['only for tests'] },
    features: {
      devInteractions: { enabled: false },
      // The provider's own page asks for a font on the internet.
      rpInitiatedLogout: { enabled: true, logoutSource: askToLeave },
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx, id) =>
      people[id] && { accountId: id, claims: async () => ({ sub: id, ...people[id].claims }) },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid email');
      await grant.save();
      return grant;
    },
  });

  async function answerTrick(ctx) {
    let text = '';
    for await (const chunk of ctx.req) text += chunk;
    trick = JSON.parse(text);
    ctx.status = 204;
  }

  async function answerInteraction(ctx) {
    if (ctx.method === 'GET') {
      ctx.type = 'html';
      ctx.body =
        '<!doctype html><html lang="ja"><title>みほん市 職員認証</title><h1>みほん市 職員認証</h1>' +
        '<form method="post"><label>職員番号 <input name="login"></label> <button>サインイン</button></form>';
      return;
    }
    let text = '';
    for await (const chunk of ctx.req) text += chunk;
    const login = new URLSearchParams(text).get('login');
    const { amr, acr } = people[login] ?? {};
    const result = people[login]
      ? { login: { accountId: login, amr, acr } }
      : { error: 'access_denied', error_description: 'nobody of this house' };
    await provider.interactionFinished(ctx.req, ctx.res, result);
    ctx.respond = false;
  }

  // What the house signs, signed again with other content or by another key.
  async function resign(token) {
    const claims = { ...jose.decodeJwt(token), ...trick.claims };
    const signer = trick.stranger ? (await published()).privateKey : pair.privateKey;
    const header = trick.header ?? jose.decodeProtectedHeader(token);
    return new jose.SignJWT(claims).setProtectedHeader(header).sign(signer);
  }

  provider.use(async (ctx, next) => {
    if (ctx.path === '/test/trick') return answerTrick(ctx);
    if (ctx.path.startsWith('/interaction/')) return answerInteraction(ctx);
    await next();
    if (ctx.path === '/token' && ctx.body?.id_token && (trick.claims || trick.stranger || trick.header)) {
      ctx.body = { ...ctx.body, id_token: await resign(ctx.body.id_token) };
    }
  });

  server.on('request', provider.callback());
  return port;
}

const input = createInterface({ input: process.stdin });
input.once('line', async (line) => {
  console.log(JSON.stringify(await Promise.all(JSON.parse(line).map(house))));
});
// The tests hold the other end: when they are gone, so is this.
input.once('close', () => process.exit());
