-- Rows that other tools wrote. Load after howto.sql, into a database created with CHARACTER SET latin1.
-- Every value that is not plain printable ASCII is a hex literal, so the connection's character set does not matter.

-- domains: the howto has no UNIQUE key here
INSERT INTO domains (domain) VALUES ('blobber.org');                                         -- the same domain twice
INSERT INTO domains (domain, transport, enabled) VALUES ('blobber.org', 'smtp:', 0);         -- a third time, disabled, elsewhere
INSERT INTO domains (domain) VALUES ('BLOBBER.ORG');                                         -- the same in capitals
INSERT INTO domains (domain) VALUES ('');                                                    -- blank key
INSERT INTO domains (domain) VALUES (' ');                                                   -- a space only
INSERT INTO domains (domain) VALUES (' leading.example');                                    -- leading space
INSERT INTO domains (domain) VALUES ('trailing.example ');                                   -- trailing space
INSERT INTO domains (domain) VALUES (X'6E65776C696E652E6578616D706C650A');                   -- "newline.example", line feed
INSERT INTO domains (domain) VALUES (X'637274656D702E6578616D706C650D0A');                   -- "crtemp.example", CR LF
INSERT INTO domains (domain) VALUES (X'636F6E74726F6C00011B5B33316D2E6578616D706C65');       -- NUL, SOH and a terminal escape
INSERT INTO domains (domain) VALUES ('www.example.org.');                                    -- trailing dot
INSERT INTO domains (domain) VALUES ('*');                                                   -- Postfix: every domain
INSERT INTO domains (domain) VALUES ('new');                                                 -- reads like /domains/new
INSERT INTO domains (domain) VALUES (X'6DFC6E6368656E2E6578616D706C65');                     -- "münchen.example" in latin1
INSERT INTO domains (domain, transport) VALUES ('notransport.example', '');                  -- empty transport
INSERT INTO domains (domain, transport) VALUES ('nocolon.example', 'virtual');               -- transport without colon
INSERT INTO domains (domain, transport) VALUES ('markup.example', '<script>alert(1)</script>'); -- markup as transport
INSERT INTO domains (domain, enabled) VALUES ('two.example', 2);                             -- enabled = 2: Postfix finds no row
INSERT INTO domains (domain, enabled) VALUES ('minus.example', -1);                          -- enabled = -1

-- aliases
INSERT INTO aliases (mail, destination) VALUES ('', 'root@localhost');                       -- blank key
INSERT INTO aliases (mail, destination) VALUES ('empty@blobber.org', '');                    -- empty destination
INSERT INTO aliases (mail, destination) VALUES ('comma@blobber.org', ' , ,');                -- separators only
INSERT INTO aliases (mail, destination) VALUES (' space@blobber.org', 'root@localhost');     -- leading space
INSERT INTO aliases (mail, destination) VALUES (X'6E6C40626C6F626265722E6F72670A', X'726F6F74406C6F63616C686F73740A'); -- "nl@blobber.org", line feeds
INSERT INTO aliases (mail, destination) VALUES (X'746162096265740740626C6F626265722E6F7267', 'root@localhost'); -- a tab and a bell
INSERT INTO aliases (mail, destination) VALUES (X'6A6F73E940626C6F626265722E6F7267', X'6A6F73E9406578616D706C652E6F7267'); -- "josé" in latin1: not UTF-8
INSERT INTO aliases (mail, destination) VALUES (X'6A6F73C3A940626C6F626265722E6F7267', 'root@localhost'); -- "josé" as UTF-8 bytes
INSERT INTO aliases (mail, destination) VALUES ('sales/north@blobber.org', 'root@localhost');  -- slash
INSERT INTO aliases (mail, destination) VALUES ('what?now=1@blobber.org', 'root@localhost');   -- question mark
INSERT INTO aliases (mail, destination) VALUES ('c#sharp@blobber.org', 'root@localhost');      -- hash
INSERT INTO aliases (mail, destination) VALUES ('100%41@blobber.org', 'root@localhost');       -- percent that decodes to A
INSERT INTO aliases (mail, destination) VALUES ('r&d@blobber.org', 'root@localhost');          -- ampersand
INSERT INTO aliases (mail, destination) VALUES ('"quoted part"@blobber.org', 'root@localhost'); -- quotes and a space
INSERT INTO aliases (mail, destination) VALUES ('o''brien+tag@blobber.org', 'root@localhost'); -- apostrophe and plus
INSERT INTO aliases (mail, destination) VALUES ('back\\slash@blobber.org', 'root@localhost');  -- backslash
INSERT INTO aliases (mail, destination) VALUES ('<script>alert(1)</script>@blobber.org', '<img src=x>'); -- markup
INSERT INTO aliases (mail, destination) VALUES ('../etc/passwd@blobber.org', 'root@localhost'); -- path
INSERT INTO aliases (mail, destination) VALUES ('mailto@blobber.org', 'mailto:someone@example.org'); -- copied from a link
INSERT INTO aliases (mail, destination) VALUES ('named@blobber.org', 'Jo Doe <jo@example.org>'); -- copied from a message
INSERT INTO aliases (mail, destination) VALUES ('pipe@blobber.org', '|/usr/bin/vacation jo'); -- command, from /etc/aliases
INSERT INTO aliases (mail, destination) VALUES ('semi@blobber.org', 'a@example.org; b@example.org'); -- semicolons
INSERT INTO aliases (mail, destination) VALUES ('full@blobber.org', CONCAT(REPEAT('abcdefghi@example.org,', 5), '0@e.org,xy')); -- 120 characters: cut off
INSERT INTO aliases (mail, destination) VALUES ('blobber.org', 'root@localhost');            -- bare domain as key
INSERT INTO aliases (mail, destination) VALUES ('nodomain', 'root');                         -- no @ at all
INSERT INTO aliases (mail, destination) VALUES ('@', 'root@localhost');                      -- only the @
INSERT INTO aliases (mail, destination) VALUES ('two@at@blobber.org', 'root@localhost');     -- two @
INSERT INTO aliases (mail, destination) VALUES ('Capital@Blobber.ORG', 'Root@LocalHost');    -- capitals
INSERT INTO aliases (mail, destination) VALUES ('loop-a@blobber.org', 'loop-b@blobber.org'); -- a loop
INSERT INTO aliases (mail, destination) VALUES ('loop-b@blobber.org', 'loop-a@blobber.org'); -- and back
INSERT INTO aliases (mail, destination, enabled) VALUES ('two@blobber.org', 'root@localhost', 2);    -- enabled = 2
INSERT INTO aliases (mail, destination, enabled) VALUES ('minus@blobber.org', 'root@localhost', -1); -- enabled = -1

-- backups
INSERT INTO backups (domain) VALUES ('default.example');                                     -- ':[]': stops all outgoing mail
INSERT INTO backups (domain, transport) VALUES ('', ':[mail.friend.com]');                   -- blank key
INSERT INTO backups (domain, transport) VALUES (' friend3.com', 'smtp:');                    -- leading space
INSERT INTO backups (domain, transport) VALUES ('blobber.org', ':[mail.friend.com]');        -- also in domains
INSERT INTO backups (domain, transport) VALUES ('jane@friend1.com', 'smtp:[mx.example.org]'); -- an override, as in edition 15
INSERT INTO backups (domain, transport, enabled) VALUES ('large.example', ':[mail.friend.com]', 32767); -- smallint, not tinyint
INSERT INTO backups (domain, transport) VALUES (X'636166E92E6578616D706C65', X'3A5B636166E95D'); -- "café.example" in latin1

-- relays
INSERT INTO relays (recipient, status) VALUES ('yes@friend1.com', 'YES');                    -- neither OK nor REJECT
INSERT INTO relays (recipient, status) VALUES ('nostatus@friend1.com', '');                  -- empty status
INSERT INTO relays (recipient, status) VALUES ('lower@friend1.com', 'reject');               -- small letters
INSERT INTO relays (recipient, status) VALUES ('', 'OK');                                    -- blank key
INSERT INTO relays (recipient, status) VALUES ('friend2.com', 'OK');                         -- domain without @
INSERT INTO relays (recipient, status, enabled) VALUES ('a/b?c#d%e&f@friend1.com', 'OK', 2); -- every special character
INSERT INTO relays (recipient, status) VALUES (X'7265CE40667269656E64312E636F6D', X'4FCB');  -- latin1 in key and status

-- relocated
INSERT INTO relocated (oldadr, newadr) VALUES ('gone@domain1.com', '');                      -- empty newadr
INSERT INTO relocated (oldadr, newadr) VALUES ('', 'pete@newplace.example');                 -- blank key
INSERT INTO relocated (oldadr, newadr) VALUES ('@domain1.com', '@newplace.example');         -- whole domain
INSERT INTO relocated (oldadr, newadr) VALUES ('ask@domain1.com', 'Please ring 555 0100');   -- text, no address
INSERT INTO relocated (oldadr, newadr) VALUES ('self@domain1.com', 'self@domain1.com');      -- to itself
INSERT INTO relocated (oldadr, newadr, enabled) VALUES (X'72656EE940646F6D61696E312E636F6D', X'72656EE9406E65772E6578616D706C65', -1); -- "rené" in latin1
