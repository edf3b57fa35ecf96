/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: maildb
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Table structure for table `aliases`
--

DROP TABLE IF EXISTS `aliases`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `aliases` (
  `pkid` smallint(3) NOT NULL AUTO_INCREMENT,
  `mail` varchar(120) NOT NULL DEFAULT '',
  `destination` varchar(120) NOT NULL DEFAULT '',
  `enabled` tinyint(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (`pkid`),
  UNIQUE KEY `mail` (`mail`)
) ENGINE=InnoDB AUTO_INCREMENT=21 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `aliases`
--

LOCK TABLES `aliases` WRITE;
/*!40000 ALTER TABLE `aliases` DISABLE KEYS */;
INSERT INTO `aliases` VALUES
(1,'postmaster@localhost','root@localhost',1),
(2,'sysadmin@localhost','root@localhost',1),
(3,'webmaster@localhost','root@localhost',1),
(4,'abuse@localhost','root@localhost',1),
(5,'root@localhost','root@localhost',1),
(6,'@localhost','root@localhost',1),
(7,'@localhost.localdomain','@localhost',1),
(8,'@lala.com','@whopper.nu',1),
(9,'postmaster@whopper.nu','postmaster@localhost',1),
(10,'abuse@whopper.nu','abuse@localhost',1),
(11,'postmaster@blobber.org','postmaster@localhost',1),
(12,'abuse@blobber.org','abuse@localhost',1),
(13,'xandros@blobber.org','xandros@blobber.org',1),
(14,'vivita@blobber.org','vivita@blobber.org',1),
(15,'@whopper.nu','xandros@blobber.org',1),
(16,'karl@blobber.org','karl.vovianda@gmail.com',1),
(17,'listof@domain.com','john@ppp.com,vic@domain.com,jj@somewhere.tld',1),
(18,'joe@bloggs.com','joe@bloggs.com',1),
(19,'mary@bloggs.com','mary@bloggs.com',1),
(20,'o\'brien@blobber.org','a\\\\b@x.example,\"q\"@x.example',0);
/*!40000 ALTER TABLE `aliases` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `backups`
--

DROP TABLE IF EXISTS `backups`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `backups` (
  `pkid` smallint(6) NOT NULL AUTO_INCREMENT,
  `domain` varchar(128) NOT NULL DEFAULT '',
  `transport` varchar(128) NOT NULL DEFAULT ':[]',
  `enabled` smallint(6) NOT NULL DEFAULT 1,
  PRIMARY KEY (`pkid`),
  UNIQUE KEY `domain` (`domain`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `backups`
--

LOCK TABLES `backups` WRITE;
/*!40000 ALTER TABLE `backups` DISABLE KEYS */;
INSERT INTO `backups` VALUES
(1,'friend1.com',':[mail.friend.com]',1),
(2,'friend2.com',':[mail.friend.com]',1);
/*!40000 ALTER TABLE `backups` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `domains`
--

DROP TABLE IF EXISTS `domains`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `domains` (
  `pkid` smallint(6) NOT NULL AUTO_INCREMENT,
  `domain` varchar(120) NOT NULL DEFAULT '',
  `transport` varchar(120) NOT NULL DEFAULT 'virtual:',
  `enabled` tinyint(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (`pkid`)
) ENGINE=InnoDB AUTO_INCREMENT=8 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `domains`
--

LOCK TABLES `domains` WRITE;
/*!40000 ALTER TABLE `domains` DISABLE KEYS */;
INSERT INTO `domains` VALUES
(1,'localhost','virtual:',1),
(2,'localhost.localdomain','virtual:',1),
(3,'blobber.org','virtual:',1),
(4,'whopper.nu','virtual:',1),
(5,'lala.com','virtual:',1),
(6,'joe@bloggs.com','smtp:[aspmx.l.google.com]:587',1),
(7,'bloggs.com','virtual:',1);
/*!40000 ALTER TABLE `domains` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `notes`
--

DROP TABLE IF EXISTS `notes`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `notes` (
  `id` int(11) DEFAULT NULL,
  `t` text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `notes`
--

LOCK TABLES `notes` WRITE;
/*!40000 ALTER TABLE `notes` DISABLE KEYS */;
INSERT INTO `notes` VALUES
(1,'a);(');
/*!40000 ALTER TABLE `notes` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
/*!50003 SET @saved_cs_results     = @@character_set_results */ ;
/*!50003 SET @saved_col_connection = @@collation_connection */ ;
/*!50003 SET character_set_client  = utf8mb4 */ ;
/*!50003 SET character_set_results = utf8mb4 */ ;
/*!50003 SET collation_connection  = utf8mb4_general_ci */ ;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 trigger t before insert on notes for each row set new.t='x;y' 
*/;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
/*!50003 SET character_set_client  = @saved_cs_client */ ;
/*!50003 SET character_set_results = @saved_cs_results */ ;
/*!50003 SET collation_connection  = @saved_col_connection */ ;

--
-- Table structure for table `relays`
--

DROP TABLE IF EXISTS `relays`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `relays` (
  `pkid` smallint(6) NOT NULL AUTO_INCREMENT,
  `recipient` varchar(120) NOT NULL DEFAULT '',
  `enabled` tinyint(1) NOT NULL DEFAULT 1,
  `status` varchar(10) NOT NULL DEFAULT 'OK',
  PRIMARY KEY (`pkid`),
  UNIQUE KEY `recipient` (`recipient`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `relays`
--

LOCK TABLES `relays` WRITE;
/*!40000 ALTER TABLE `relays` DISABLE KEYS */;
INSERT INTO `relays` VALUES
(1,'@friend1.com',1,'OK'),
(2,'info@example.org',1,'OK'),
(3,'support@example.org',1,'REJECT');
/*!40000 ALTER TABLE `relays` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `relocated`
--

DROP TABLE IF EXISTS `relocated`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `relocated` (
  `pkid` smallint(6) NOT NULL AUTO_INCREMENT,
  `oldadr` varchar(128) NOT NULL DEFAULT '',
  `newadr` varchar(128) NOT NULL DEFAULT '',
  `enabled` tinyint(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (`pkid`),
  UNIQUE KEY `oldadr` (`oldadr`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `relocated`
--

LOCK TABLES `relocated` WRITE;
/*!40000 ALTER TABLE `relocated` DISABLE KEYS */;
INSERT INTO `relocated` VALUES
(1,'pete@domain1.com','pete@newplace.example',1);
/*!40000 ALTER TABLE `relocated` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `users`
--

DROP TABLE IF EXISTS `users`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `users` (
  `id` varchar(128) NOT NULL DEFAULT '',
  `name` varchar(128) NOT NULL DEFAULT '',
  `uid` smallint(5) unsigned NOT NULL DEFAULT 5000,
  `gid` smallint(5) unsigned NOT NULL DEFAULT 5000,
  `home` varchar(255) NOT NULL DEFAULT '/var/spool/mail/virtual',
  `maildir` varchar(255) NOT NULL DEFAULT 'blah/',
  `enabled` tinyint(1) NOT NULL DEFAULT 1,
  `change_password` tinyint(1) NOT NULL DEFAULT 1,
  `clear` varchar(128) NOT NULL DEFAULT 'ChangeMe',
  `crypt` varchar(128) NOT NULL DEFAULT 'sdtrusfX0Jj66',
  `quota` varchar(255) NOT NULL DEFAULT '',
  PRIMARY KEY (`id`),
  UNIQUE KEY `id` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `users`
--

LOCK TABLES `users` WRITE;
/*!40000 ALTER TABLE `users` DISABLE KEYS */;
INSERT INTO `users` VALUES
('mary@bloggs.com','mary',5000,5000,'/var/spool/mail/virtual','bloggs.com/mary',1,1,'ChangeMe','$6$salt$hash',''),
('root@localhost','root',5000,5000,'/var/spool/mail/virtual','root/',1,1,'ChangeMe','$6$salt$hash',''),
('vivita@blobber.org','Jörg \"J\" Müller\nzwei; Zeilen -- #',5000,5000,'/var/spool/mail/virtual','vivita/',1,1,'ChangeMe','$6$salt$hash','10485760S'),
('xandros@blobber.org','xandros',5000,5000,'/var/spool/mail/virtual','xandros/',1,1,'ChangeMe','$6$salt$hash','');
/*!40000 ALTER TABLE `users` ENABLE KEYS */;
UNLOCK TABLES;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-11-23  2:47:11
