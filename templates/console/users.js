import {act, button, buttons, facts, field, fold, folds, fromLocal, get, h, isKey, link, pager, post, secret, session, show, table, time, title} from './page.js'
import {leave} from './login.js'

const ROLES = ['user', 'admin']
const password = name => [name, 'password', {autocomplete: 'new-password', hint: 'at least 8: upper and lower case, a digit, a sign'}]
const stateOf = it => it.disabled ? '✕ disabled' : '✓ enabled'
const person = it => facts({Name: it.username, Email: it.email, Role: it.role, Since: time(it.created_at), State: stateOf(it)})

const keyTable = ({keys}, then) => table('Keys', 'Key,Made,Expires,Last used,Actions', keys.map(it => [it.name, time(it.created_at), time(it.expires_at) ?? 'never', time(it.last_used_at),
	it.revoked_at ? 'revoked' : act('Revoke', `auth/keys/${it.id}/revoke`, {sure: `Revoke “${it.name}”? What uses it stops working at once.`, of: it.name, then})]))

export function account(to) {
	const about = h('div', person(session.user), field(['shortcuts', 'checkbox', {label: 'Single-key shortcuts; ? shows them', value: localStorage.shortcuts !== 'off',
		change: ({target}) => { localStorage.shortcuts = target.checked ? 'on' : 'off' }}]), buttons(button('Log out', leave)))
	if (isKey()) return to.main.replaceChildren(title('Account'), about, h('p', 'Logged in with a key: users, keys, the system’s state and backups, and changes of webhooks are left out, so that a stolen key makes no others. Log in with a password for them.'))
	const load = show(to, [title('Account'), about, fold('Make a key', [['name'], ['expires_at', 'datetime-local', {label: 'Expires', hint: 'or never'}]], async values => {
		const made = await post('auth/keys/create', {...values, expires_at: fromLocal(values.expires_at)})
		secret(`The key “${made.name}”`, made.key)
		load()
	})], () => get('auth/keys/'), found => [h('h2', 'Your keys'), h('p', 'A key is a password for a machine: a kiosk, a printer.'), keyTable(found, load)])
}

export default function page(to) {
	if (to.id) return one(to, `auth/users/${to.id}`)
	let {query} = to
	const search = h('input', {type: 'search', 'aria-label': 'Search users', placeholder: 'Name or email', value: query.q, input: () => {
		query = {q: search.value.trim()}
		load()
	}})
	const load = show(to, [title('Users'), search, fold('Add a user',
		[['username'], ['email', 'email'], password('password'), ['role', ROLES]], async values => { await post('auth/register', values); load() })],
	() => get('auth/users', {...query, limit: 50}), ({users, next}) => [table('Users', 'Name,Email,Role,Since,State', users.map(it =>
		[link(`#/users/${it.id}`, it.username), it.email, it.role, time(it.created_at), stateOf(it)])), pager('users', query, next)])
}

function one(to, path) {
	const load = show(to, [title(`User ${to.id}`), folds(fold('Change the role', [['role', ROLES]], async values => { await post(`${path}/update`, values); load() }),
		fold('Set a password', [password('new_password')], values => post(`${path}/password`, values)))],
	() => Promise.all([get(path), get('auth/keys/', {user_id: to.id})]), ([it, keys]) => [
		person(it),
		it.disabled ? act('Enable', `${path}/enable`, {then: load}) : act('Disable', `${path}/disable`, {sure: `Disable ${it.username}? All tokens and keys of that user stop working.`, then: load}),
		h('h2', 'Keys'), keyTable(keys, load)])
}
