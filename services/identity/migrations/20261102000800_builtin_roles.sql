-- migrate:up

-- The roles every installation has, with the same ids everywhere. The ten professions are the role
-- keys of the ten profile extensions. Permissions are given to them once the daemons' own lists
-- have been imported.
INSERT INTO roles
	(id, key, name, audience, description, can_approve_requests, can_manage_system_settings)
VALUES
	('019a0000-0000-7000-8000-000000000001', 'administrator', 'Administrator', 'INTERNAL',
		'Runs the installation: roles, employees, settings.', true, true),
	('019a0000-0000-7000-8000-000000000002', 'reviewer', 'Reviewer', 'INTERNAL',
		'Decides verification and approval requests.', true, false),
	('019a0000-0000-7000-8000-000000000003', 'finance_officer', 'Finance officer', 'INTERNAL',
		'Prices, coupons, tax rules, payments and refunds.', false, false),
	('019a0000-0000-7000-8000-000000000004', 'support_agent', 'Support agent', 'INTERNAL',
		'Answers tickets and writes articles.', false, false),
	('019a0000-0000-7000-8000-000000000005', 'hr_officer', 'HR officer', 'INTERNAL',
		'Employees, departments and designations.', false, false),
	('019a0000-0000-7000-8000-000000000006', 'company', 'Company', 'EXTERNAL',
		'Posts jobs.', false, false),
	('019a0000-0000-7000-8000-000000000007', 'customer', 'Customer', 'EXTERNAL',
		'Posts leads and asks professionals.', false, false),
	('019a0000-0000-7000-8000-000000000008', 'candidate', 'Candidate', 'EXTERNAL',
		'Applies for jobs.', false, false),
	('019a0000-0000-7000-8000-000000000009', 'photographer', 'Photographer', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-00000000000a', 'tutor', 'Tutor', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-00000000000b', 'makeup_artist', 'Makeup artist', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-00000000000c', 'developer', 'Developer', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-00000000000d', 'video_editor', 'Video editor', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-00000000000e', 'graphic_designer', 'Graphic designer', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-00000000000f', 'social_media_manager', 'Social media manager', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-000000000010', 'fitness_trainer', 'Fitness trainer', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-000000000011', 'catering_service', 'Catering service', 'EXTERNAL',
		'Profession.', false, false),
	('019a0000-0000-7000-8000-000000000012', 'ugc_content_creator', 'UGC content creator', 'EXTERNAL',
		'Profession.', false, false);

-- migrate:down

-- Going down removes the roles together with what was granted by them.
DELETE FROM user_roles WHERE role_id BETWEEN '019a0000-0000-7000-8000-000000000001' AND '019a0000-0000-7000-8000-0000000000ff';
DELETE FROM roles WHERE id BETWEEN '019a0000-0000-7000-8000-000000000001' AND '019a0000-0000-7000-8000-0000000000ff';
