import {$, act, button, dialog, draw, facts, field, fold, form, fromLocal, get, h, isKey, link, on, pager, post, scope,
	searchBox, secret, session, setSession, show, table, tell, time} from './page.js'

async function withPassword(values) {
	const answer = await post('auth/login', values, {token: null})
	return {token: answer.access_token, user: answer.user_info}
}
async function withKey({key = ''}) {
	const token = key.trim()
	return {token, user: await get('auth/me', {}, {token}), key: token.startsWith('orderd_')}
}
const KEY = ['key', 'password']
const PASSWORD = ['password', 'password', {autocomplete: 'current-password'}]
const name = props => ['username', 'text', {autocomplete: 'username', ...props}]

export function logIn(done) {
	const enter = log => async values => {
		setSession(await log(values))
		done()
	}
	draw(h('div.login', h('h1', 'Log in'), form([name(), PASSWORD], 'Log in', enter(withPassword)),
		fold('Use a key', [KEY], enter(withKey))))
	$('main input').focus()
}

// A reload, so that the next user finds nothing of this one.
function logOut() {
	setSession(null)
	location.hash = ''
	location.reload()
}
const out = () => button('Log out', logOut)

scope.renew = () => new Promise(done => {
	const {user, key} = session
	const fields = key ? [KEY] : [name({value: user.username, readonly: true}), PASSWORD]
	const box = dialog(key ? 'The key is not valid any more' : 'Your session has ended',
		h('p', 'Log in again, and go on where you were.'), form(fields, 'Go on', renew, {more: out()}))
	async function renew(values) {
		setSession(await (key ? withKey : withPassword)(values))
		if (session.user.id !== user.id || session.user.role !== user.role) return location.reload()
		box.close()
		done()
	}
	$('input:not([readonly])', box).focus()
	on(box, 'cancel', event => event.preventDefault())
})

const ROLE = ['role', ['user', 'admin']]
const password = name => [name, 'password',
	{autocomplete: 'new-password', hint: 'at least 8: upper and lower case, a digit, a sign'}]
const stateOf = it => it.disabled ? '✕ disabled' : '✓ enabled'
const person = it =>
	facts({Name: it.username, Email: it.email, Role: it.role, Since: time(it.created_at), State: stateOf(it)})

const revoke = ({id, name: of}) => act('Revoke', `auth/keys/${id}/revoke`,
	{sure: `Revoke “${of}”? What uses it stops working at once.`, of})
const keyTable = ({keys}) => table('Keys', 'Key,Made,Expires,Last used,Actions', keys.map(it =>
	[it.name, time(it.created_at), time(it.expires_at) ?? 'never', time(it.last_used_at),
		it.revoked_at ? 'revoked' : revoke(it)]))

export function account() {
	const keepShortcuts = ({target}) => { localStorage.shortcuts = target.checked ? 'on' : 'off' }
	const above = [h('h1', 'Account'), h('div', person(session.user),
		field(['shortcuts', 'checkbox', {label: 'Single-key shortcuts; ? shows them',
			value: localStorage.shortcuts !== 'off', change: keepShortcuts}]), h('p.buttons', out()))]
	if (isKey()) return draw(...above, h('p', 'Logged in with a key: users, keys, the system’s state and backups, and'
		+ ' changes of webhooks are left out, so that a stolen key makes no others. Log in with a password for them.'))
	const adding = fold('Make a key',
		[['name'], ['expires_at', 'datetime-local', {label: 'Expires', hint: 'or never'}]],
		values => post('auth/keys/create', {...values, expires_at: fromLocal(values.expires_at)}),
		{then: made => secret(`The key “${made.name}”`, made.key)})
	show([...above, adding], () => get('auth/keys/'), found =>
		[h('h2', 'Your keys'), h('p', 'A key is a password for a machine: a kiosk, a printer.'), keyTable(found)])
}

export function users({id, query}) {
	if (id) return user(id, `auth/users/${id}`)
	const search = searchBox('users', 'Name or email', query.q, q => {
		query = {q}
		tell('tick')
	})
	const adding = fold('Add a user', [['username'], ['email', 'email'], password('password'), ROLE],
		values => post('auth/register', values))
	const row = it => [link(`#/users/${it.id}`, it.username), it.email, it.role, time(it.created_at), stateOf(it)]
	show([h('h1', 'Users'), search, adding], () => get('auth/users', {...query, limit: 50}), ({users, next}) =>
		[table('Users', 'Name,Email,Role,Since,State', users.map(row)), pager('users', query, next)])
}

function user(id, path) {
	const forms = h('div.folds', fold('Change the role', [ROLE], values => post(`${path}/update`, values)),
		fold('Set a password', [password('new_password')], values => post(`${path}/password`, values)))
	const enabling = it => it.disabled ? act('Enable', `${path}/enable`) : act('Disable', `${path}/disable`,
		{sure: `Disable ${it.username}? All tokens and keys of that user stop working.`})
	show([h('h1', `User ${id}`), forms], () => Promise.all([get(path), get('auth/keys/', {user_id: id})]),
		([it, keys]) => [person(it), enabling(it), h('h2', 'Keys'), keyTable(keys)])
}
