/*
 * `admin create`: the first administrator, from the command line, and another first one where none
 * is in force any more. There is no default password; the one given is read from standard input.
 */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "email_address.h"
#include "employees.h"
#include "event.h"
#include "identity.h"
#include "passwords.h"
#include "request.h"
#include "user_roles.h"

static const char *password;	/* standard input is read once, however often the unit runs */

static int
read_password(struct request *rq)
{
	static char line[1100];

	if (password != NULL)
		return 0;
	if (fgets(line, sizeof(line), stdin) == NULL)
		return fail(rq, ERR_BAD_REQUEST, "give the password on standard input");
	line[strcspn(line, "\r\n")] = '\0';
	password = line;
	return 0;
}

static int
refuse_second(struct request *rq)
{
	bool is_there;

	if (administrator_in_force(rq, &is_there) < 0)
		return -1;
	if (is_there)
		return fail(rq, ERR_ALREADY_EXISTS,
		    "there is an administrator already; further ones ask for the role and are approved");
	return 0;
}

static struct row *
insert_user(struct request *rq, const char *email, const char *hash)
{
	struct row *user = row_new(rq, &users_resource);

	row_set(user, "email", email);
	row_set(user, "password_hash", hash);
	row_set(user, "account_type", "INDIVIDUAL");
	row_set_now(rq, user, "password_changed_at");
	return row_insert(rq, user) < 0 || row_follow(rq, user, "activate") < 0 ? NULL : user;
}

int
admin_create(struct request *rq, int argc, char **argv)
{
	const char *email = email_normalise(rq->arena, config_text("EMAIL")), *hash;
	struct row *user;

	(void)argc;
	(void)argv;
	if (email == NULL)
		return fail(rq, ERR_BAD_REQUEST, "give the address with --email");
	if (strcmp(email_readable(rq->arena, email), email) != 0)
		return fail(rq, ERR_BAD_REQUEST, "write its domain as it is read: %s", email_readable(rq->arena, email));
	if (refuse_second(rq) < 0 || read_password(rq) < 0 ||
	    password_check(rq, "password", password, email) < 0 ||
	    password_hash(rq, password, &hash) < 0)
		return -1;
	user = insert_user(rq, email, hash);
	if (user == NULL || employee_ensure(rq, row_id(user)) < 0 ||
	    user_role_grant(rq, row_id(user), "administrator", "FIRST_ADMINISTRATOR") < 0)
		return -1;
	return reply_text(rq, 200, arena_printf(rq->arena, "administrator %s created: %s", email,
	    row_id(user)));
}
