import {$, button, dialog, fold, form, get, h, on, post, scope, session, setSession, title} from './page.js'

async function withPassword(values) {
	const answer = await post('auth/login', values, {token: null})
	return {token: answer.access_token, user: answer.user_info}
}
async function withKey({key = ''}) {
	const token = key.trim()
	return {token, user: await get('auth/me', {}, {token}), key: token.startsWith('orderd_')}
}
const KEY = ['key', 'password'], PASSWORD = ['password', 'password', {autocomplete: 'current-password'}]
const name = props => ['username', 'text', {autocomplete: 'username', ...props}]

export function page(main, done) {
	const enter = log => async values => { setSession(await log(values)); done() }
	main.replaceChildren(h('div.login', title('Log in'), form([name(), PASSWORD], 'Log in', enter(withPassword)), fold('Use a key', [KEY], enter(withKey))))
	$('input', main).focus()
}

scope.renew = () => new Promise(done => {
	const {user, key} = session
	const box = dialog(key ? 'The key is not valid any more' : 'Your session has ended', h('p', 'Log in again, and go on where you were.'),
		form(key ? [KEY] : [name({value: user.username, readonly: true}), PASSWORD], 'Go on', async values => {
			const next = await (key ? withKey : withPassword)(values)
			setSession(next)
			if (next.user.id !== user.id || next.user.role !== user.role) return location.reload()
			box.close()
			done()
		}, {more: button('Log out', leave)}))
	$('input:not([readonly])', box).focus()
	on(box, 'cancel', event => event.preventDefault())
})

// A reload, so that the next user finds nothing of this one.
export function leave() {
	setSession(null)
	location.hash = ''
	location.reload()
}
